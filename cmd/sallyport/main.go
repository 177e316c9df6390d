// Command sallyport is the sign-in and multi-factor authentication server.
package main

import (
	"os"

	"sallyport/internal/cli"
)

func main() { os.Exit(cli.Main()) }
