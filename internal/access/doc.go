// Package access says who may do what in which tenant. One table (roles.go) goes
// from role to rights; a grant holds on its tenant and everything below it, within
// its organisation. Further down, in other organisations, it reaches with a few
// rights only: to see that they are there, to shape the tree, to move the switch of
// one that the provider manages. For everything else somebody acts as the
// organisation's administrator, which every organisation on the way must allow.
//
// Nobody grants a right they lack, and nobody acts on a person who holds one that
// they lack. What is asked for a fresh proof, and of whom, stands in proof.go.
//
// Pure: grants and places come in, a yes or no goes out, and what is not in the
// table is no. That a refusal looks like an id that never was is for the caller:
// whoever may not see a place is told that it is not found.
package access
