// Package core holds the nouns of the product: tenants, people, factors,
// attempts, sessions, settings, guess budgets, and the faults that every face
// shows in its own way.
//
// It uses the standard library only and knows nothing of stores, HTTP or the
// clock. Every identifier has its own type, so that a swapped argument does not
// compile. Values here are plain data; what they mean is decided one floor up,
// in policy, and what happens with them two floors up, in the journeys.
package core
