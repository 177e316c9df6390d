// Package factor draws what a factor shows to people, once for every face that
// shows it: the authenticator app's set-up, the question for a code, and the
// sheet with recovery codes. The forms around these parts, and the pages around
// the forms, belong to the faces; the words come from the catalogs.
package factor
