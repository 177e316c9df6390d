// Package access says which administrator may do what in which tenant: a plain
// table from role to permissions, and the rule that a grant holds on its tenant
// and everything below it. Pure: grants come in, a yes or no goes out, and what
// is not in the table is no.
package access
