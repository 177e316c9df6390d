//go:build !linux

package secret

// lowerPriority does nothing where priorities are not per thread.
func lowerPriority() {}
