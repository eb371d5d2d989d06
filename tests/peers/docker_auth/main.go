// Command docker_auth is cesanta/docker_auth's token service for the end-to-end tests. The main package of that
// project names variables of a file which its own build generates, so it can't be installed as a module; this one
// runs the same server package from the same configuration file, on a port of the system's choice if asked for one.
//
//	docker_auth CONFIG.yml    serves until SIGTERM; prints "docker_auth listening on http://HOST:PORT" to standard output
//	docker_auth --version
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cesanta/docker_auth/auth_server/server"
)

// What go.mod pins; the build sets both.
var module, version = "unknown", "unknown"

func main() {
	showVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse() // also the flags of glog, the logger of the server package
	if *showVersion {
		fmt.Println("docker_auth", module, version)
		return
	}
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: docker_auth [flags] CONFIG.yml")
		os.Exit(2)
	}
	if err := serve(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "docker_auth:", err)
		os.Exit(1)
	}
}

func serve(configFile string) error {
	config, err := server.LoadConfig(configFile)
	if err != nil {
		return fmt.Errorf("configuration %s: %w", configFile, err)
	}
	auth, err := server.NewAuthServer(config)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer auth.Stop()
	listener, err := net.Listen("tcp", config.Server.ListenAddress)
	if err != nil {
		return err
	}
	fmt.Printf("docker_auth listening on http://%s\n", listener.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	httpServer := &http.Server{Handler: auth, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = httpServer.Close()
	}()
	if err := httpServer.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
