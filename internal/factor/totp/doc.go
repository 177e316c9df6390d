// Package totp makes and checks time-based one-time passwords (RFC 6238 over
// RFC 4226).
//
// It owns the arithmetic, the otpauth URI, the setup key that people type and
// the QR code that they scan. It remembers nothing: the caller hands in the last
// step that was accepted and stores the new one in the transaction that honours
// the code, which is what makes a code work once.
//
// Callers are enrolment and sign-in, and the support tool that asks how far
// somebody's clock is off.
//
// What can go wrong: a phone's clock. A code that is right, but for another
// minute, is told apart from a wrong one, so that the page can say which; it is
// refused all the same.
package totp
