// Command gitea is Gitea with its container registry, for `cargo xtask test --only registries`. It is Gitea's own
// command without the renderers of documents that a registry does not need, which keeps the build shorter.
// Templates and other files are read from the module's source: set GITEA_STATIC to `go list -m -f {{.Dir}}` of it.
package main

import (
	"os"
	"runtime/debug"

	"code.gitea.io/gitea/cmd"
	"code.gitea.io/gitea/modules/log"
	"code.gitea.io/gitea/modules/setting"
	_ "github.com/mattn/go-sqlite3"
)

const upstream = "code.gitea.io/gitea"

func main() {
	// What Gitea's build tag "sqlite" does.
	setting.EnableSQLite3 = true
	setting.SupportedDatabaseTypes = append(setting.SupportedDatabaseTypes, "sqlite3")
	setting.AppVer = version()
	app := cmd.NewMainApp(cmd.AppVersion{Version: version()})
	_ = cmd.RunMainApp(app, os.Args...)
	log.GetManager().Close()
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
