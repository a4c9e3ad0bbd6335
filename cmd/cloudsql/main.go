// Command cloudsql is the database: `cloudsql start` runs a node, `cloudsql cluster` three of them on this machine.
//
// Settings come from flags, from the environment (CLOUDSQL_SQL_ADDR for --sql-addr), from a TOML file (--config, with
// the flags' names as keys) and from defaults, in this order of precedence.
//
// Exit codes: 0 done, 1 something went wrong, 2 wrong usage.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"cloudsql/distributed/node"
)

// version is set by the linker (see Makefile).
var version = "dev"

const usage = `cloudsql is a distributed SQL database that speaks MySQL's protocol.

Usage:
  cloudsql start --data DIR [flags]    run a node; a fresh directory becomes a new database
  cloudsql cluster [flags]             run three nodes on this machine
  cloudsql node list|drain|remove      look at the nodes; have one give up its data, or leave
  cloudsql join-token --data DIR       print a token that lets nodes join the cluster of a member's directory
  cloudsql certify --data DIR          give a stopped node of a cluster without certificates its own
  cloudsql debug log|fail-entry        look into a stopped node's log; leave out an entry that stops replicas
  cloudsql version                     print the version

"cloudsql start -h" and "cloudsql cluster -h" list the flags.
`

// errUsage: the command line is wrong; what is wrong has been printed.
var errUsage = errors.New("usage")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	node.Version = version
	var err error
	switch {
	case len(args) == 0:
		fmt.Fprint(stderr, usage)
		return 2
	case args[0] == "start":
		err = start(args[1:], stdout, stderr)
	case args[0] == "cluster":
		err = cluster(args[1:], stdout, stderr)
	case args[0] == "node":
		err = nodeCommand(args[1:], stdout, stderr)
	case args[0] == "join-token":
		err = joinToken(args[1:], stdout, stderr)
	case args[0] == "certify":
		err = certify(args[1:], stderr)
	case args[0] == "debug":
		err = debugCommand(args[1:], stdout, stderr)
	case args[0] == "version" || args[0] == "--version":
		printVersion(stdout)
	case args[0] == "help" || args[0] == "-h" || args[0] == "--help":
		fmt.Fprint(stdout, usage)
	default:
		fmt.Fprintf(stderr, "cloudsql: there is no command %q\n\n%s", args[0], usage)
		return 2
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintln(stderr, "cloudsql:", err)
	return 1
}

func printVersion(w io.Writer) {
	fmt.Fprintf(w, "cloudsql %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				fmt.Fprintln(w, "revision", s.Value)
			}
		}
	}
}
