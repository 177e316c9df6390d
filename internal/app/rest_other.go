//go:build !linux

package app

func dropStartCode() error { return nil }
