// Package web is the page kit of every face that speaks HTML: layout and parts,
// assets, forms, cookies, security headers, the choice of language, and the one
// function that turns an error into an answer.
//
// A face hands Mux its routes as rows. Mux wraps each row once: security
// headers, the language of the request, the guard the row names, the refusal of
// cross-origin posts, one log line, and the recovery from a panic. A handler
// parses, asks a journey and shows: it returns an error, or renders a component
// through Render, which writes nothing before the whole page stands in a buffer.
//
// The guards themselves belong to whoever knows sessions; a row that names
// none, or one that nobody provides, stops the program at its start.
//
// Pages work without scripts. assets/app.js only uncovers what needs a script
// (show a password, copy, print) and puts the focus on a refusal. There is no
// inline script or style anywhere, and the content security policy says so.
//
// What goes wrong here is shown as words from the catalogs: a core.Fault by its
// code, everything else as an internal error with the request's id and nothing
// more. Unknown and foreign paths get the same bytes, without an id.
package web
