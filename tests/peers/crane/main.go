// Command crane is go-containerregistry's client: it pushes the images of the end-to-end tests, through the
// same token service as everyone else.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/google/go-containerregistry/cmd/crane/cmd"
	"github.com/google/go-containerregistry/pkg/logs"
)

// What go.mod pins; the build sets both.
var module, version = "unknown", "unknown"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("crane", module, version)
		return
	}
	logs.Warn.SetOutput(os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := cmd.Root.ExecuteContext(ctx); err != nil {
		stop()
		os.Exit(1)
	}
}
