// Command gitea is Gitea with its container registry, for `cargo xtask test --only registries`. It is Gitea's own
// command without the renderers of documents that a registry does not need, which keeps the build shorter.
// Templates and other files are read from the module's source: set GITEA_STATIC to `go list -m -f {{.Dir}}` of it.
package main

import (
	"os"

	"code.gitea.io/gitea/cmd"
	"code.gitea.io/gitea/modules/log"
	"code.gitea.io/gitea/modules/setting"
	_ "github.com/mattn/go-sqlite3"
)

// version is the version that go.mod pins; the build sets it.
var version = "unknown"

func main() {
	// What Gitea's build tag "sqlite" does.
	setting.EnableSQLite3 = true
	setting.SupportedDatabaseTypes = append(setting.SupportedDatabaseTypes, "sqlite3")
	setting.AppVer = version
	app := cmd.NewMainApp(cmd.AppVersion{Version: version})
	_ = cmd.RunMainApp(app, os.Args...)
	log.GetManager().Close()
}
