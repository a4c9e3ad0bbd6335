package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"cloudsql/distributed/datadir"
)

// joinToken prints what lets other machines' nodes join.
func joinToken(args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("join-token", flag.ContinueOnError)
	data := f.String("data", "data/node", "a member's data directory, which may be in use")
	valid := f.Duration("valid", 24*time.Hour, "how long the token lets nodes in")
	if err := parse(f, args, stderr); err != nil {
		return err
	}
	if *valid <= 0 {
		return usageError(f, errors.New("--valid must be more than nothing"))
	}
	token, err := datadir.JoinToken(*data, time.Now().Add(*valid))
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, token)
	return nil
}

// certify makes certificates for nodes that were made without.
func certify(args []string, stderr io.Writer) error {
	f := flag.NewFlagSet("certify", flag.ContinueOnError)
	data := f.String("data", "data/node", "the stopped node's data directory")
	from := f.String("from", "", "directory of a member that has its certificate, or a copy of its node.json and node.pem; none for the first node")
	if err := parse(f, args, stderr); err != nil {
		return err
	}
	return datadir.Certify(*data, *from)
}
