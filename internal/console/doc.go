// Package console holds the pages of administration: the tree of tenants, the
// switch of MFA with its bar, people and what is done for them, roles, service
// accounts, acting for a customer, the audit log, settings, and why a sign-in is
// decided as it is.
//
// A page is a typed struct and a component. What it shows comes from the narrow
// interfaces that stand beside each page (Tree, MFA, Settings, People and so on);
// they take who asks and answer with plain data, and all that is decided is
// decided behind them. What changes something is shown first: the same address
// with the wish in its query is the preview, and only a form that is posted does
// it. So a preview can be sent to somebody, and nothing is changed by a link.
//
// Every row needs somebody who may administer something (web.Administrator). A
// tenant or person of another branch is not found, with the same bytes as an id
// that never was; a right that is missing is forbidden. What touches factors asks
// for the administrator's own fresh proof: a journey that answers
// step_up.required gets the form back with a field for it.
//
// A new secret (a temporary pass, a service account's password) is shown in the
// answer to the form that made it, once, and stands in no address.
package console
