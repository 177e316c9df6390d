// Command sallyport is the sign-in and multi-factor authentication server.
package main

import (
	"os"
	_ "time/tzdata" // organisations name their time zone; a small machine may know none

	"sallyport/internal/cli"
)

func main() { os.Exit(cli.Main()) }
