// Package e2e tests the whole house from outside: the built program, driven over
// HTTP, by a real browser, by signals and by a full disk. Nothing in it reaches
// inside.
package e2e
