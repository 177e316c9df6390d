// Package app puts the house together: it opens the store that the configuration
// names, loads the keys, makes every journey and face with struct literals, runs
// the workers and the listeners, and takes it all down again.
//
// It is the only package that names an engine. A House is open once per data
// folder: the folder's lock says who holds it, and a verb that finds it held
// speaks to the holder through the socket instead (shell.go).
package app
