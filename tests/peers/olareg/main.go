// Command olareg is olareg's registry for the end-to-end tests: in memory, on a port of the system's choice, open or
// with olareg's own Basic or opaque-token authorization. The main package of that project can't be imported, and
// its listener can't say which port it got; this one runs the same server package.
//
//	olareg [-basic FILE | -opaque FILE [-realm REALM]]    serves until SIGTERM; prints "olareg listening on http://HOST:PORT"
//	olareg --version
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
)

// What go.mod pins; the build sets both.
var module, version = "unknown", "unknown"

func main() {
	showVersion := flag.Bool("version", false, "print the version and exit")
	basic := flag.String("basic", "", "file of users and rights, asked for by Basic")
	opaque := flag.String("opaque", "", "file of users and rights, asked for by Bearer with opaque tokens")
	realm := flag.String("realm", "", "realm of the challenge instead of olareg's own")
	flag.Parse()
	if *showVersion {
		fmt.Println("olareg", module, version)
		return
	}
	if err := serve(*basic, *opaque, *realm); err != nil {
		fmt.Fprintln(os.Stderr, "olareg:", err)
		os.Exit(1)
	}
}

func serve(basic, opaque, realm string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	yes := true
	conf := config.Config{
		Storage: config.ConfigStorage{StoreType: config.StoreMem},
		API:     config.ConfigAPI{DeleteEnabled: &yes, Blob: config.ConfigAPIBlob{DeleteEnabled: &yes}},
		Log:     log,
	}
	options := []config.AuthOpt{config.WithAuthSlog(log)}
	if realm != "" {
		options = append(options, config.WithAuthRealm(realm))
	}
	switch {
	case basic != "":
		conf.Auth = config.NewAuthBasicFile(basic, options...)
	case opaque != "":
		conf.Auth = config.NewAuthTokenOpaque(opaque, options...)
	}
	registry := olareg.New(conf)
	defer registry.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("olareg listening on http://%s\n", listener.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: registry, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
