// Package config holds what an operator decides for one process: where it
// listens, where its data and its master key lie, how mail leaves. Policy is not
// here: who must prove what is settings, kept in the store and changed by
// administrators.
//
// There is one struct, Config, and every field of it carries its own
// documentation, default and name; `config print`, the file that `init` writes
// and the operator's guide are made from these. A value comes from the first
// of: command line, environment (SALLYPORT_A_B for a.b; …_FILE names a file
// that holds a secret), YAML file, default. Load says where each came from.
//
// What can go wrong is said all at once, as Problems, each with its key and
// what to do. An unknown key in the file is a problem, because it is a typing
// mistake; an unknown name in the environment is only a warning, because
// schedulers put names there that nobody chose. No text made here repeats a
// secret.
package config
