// Package policy says what must be proved now. Everything in it is a pure
// function of facts that are handed in: the person, the organisation's settings
// with what is locked on them, the app, and what this sign-in has shown so far.
//
// Resolve is the one answer. The sign-in, the gate that makes sessions, the pages
// and verbs that explain, the what-if and the forecast all call it, so none of
// them can differ. Rules are one file each (rule_<name>.go) and are asked in the
// order of the list in resolve.go; each says whether it applied and, when not,
// its first condition that failed. Rules speak of properties of a factor, never
// of a kind. Standing is the part of the answer that does not depend on a
// sign-in: what tables and the progress bar show.
//
// Of folds an organisation's own document with the locks that come down the tree:
// the strictest wins and every value knows where it came from. What tighter means
// stands per key in one table (keys.go), and every comparison, lock and preview
// reads it there. Change, Lock and Template write documents: pure functions, too,
// that refuse what a lock forbids or what would leave somebody unable to enrol.
//
// What is not known denies: a value that no rule knows counts as the strictest, a
// fact that nobody handed in as the one that gives least.
package policy
