// Package policy says what must be proved now. Everything in it is a pure
// function of facts that are handed in: the person, the organisation's settings
// with what is locked on them, and what this sign-in has shown so far.
//
// Resolve is the one answer. The sign-in, the gate that makes sessions and the
// pages that explain all call it, so none of them can differ. Rules are one file
// each (rule_<name>.go) and are asked in the order of the list in resolve.go;
// each says whether it applied and, when not, its first condition that failed.
// Rules speak of properties of a factor, never of a kind.
//
// Effective folds an organisation's own document with the locks that come down
// the tree: the strictest wins and every value knows where it came from.
package policy
