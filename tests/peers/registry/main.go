// Command registry is CNCF distribution 3, the registry that the end-to-end tests run beside Debian's 2.8.
// It links the storage drivers and the ways of authorization that those tests use, and no cloud driver,
// which keeps the build short.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
)

const upstream = "github.com/distribution/distribution/v3"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("registry", upstream, version())
		return
	}
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}

// version is what go.mod pins: the upstream variable only says so when its own build script sets it.
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
