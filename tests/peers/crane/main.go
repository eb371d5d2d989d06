// Command crane is go-containerregistry's client: it pushes the images of the end-to-end tests, through the
// same token service as everyone else.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/google/go-containerregistry/cmd/crane/cmd"
	"github.com/google/go-containerregistry/pkg/logs"
)

const upstream = "github.com/google/go-containerregistry"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("crane", upstream, version())
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

// version is what go.mod pins.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == upstream {
			return dep.Version
		}
	}
	return "unknown"
}
