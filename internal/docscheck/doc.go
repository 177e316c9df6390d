// Package docscheck holds what is written about the project to what the project
// is: files that documents name exist, the list of features is whole and names
// tests that exist, generated pages match their sources, and nothing names one
// person's machine or a package registry's host. It has tests and nothing else.
package docscheck
