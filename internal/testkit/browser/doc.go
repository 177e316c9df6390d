// Package browser drives a real Chromium as a person would: it opens pages,
// fills fields, presses buttons, and looks at what is shown. It also runs
// axe-core on a page and takes pictures of it.
//
// A test opens one Browser and as many Pages as it has people: each Page has
// cookies of its own. Every step fails the test when it does not work within
// twenty seconds, so a test reads as a list of what somebody does. Where no
// Chromium is installed the test is skipped, or fails with CI=true.
package browser
