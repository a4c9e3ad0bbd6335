package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
)

// nodeCommand is `cloudsql node list|drain|remove|resume`: the statements about nodes, sent to any node of the cluster.
func nodeCommand(args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("node list|drain ID|remove ID|resume ID", flag.ContinueOnError)
	f.SetOutput(stderr)
	addr := f.String("sql-addr", "127.0.0.1:3306", "address for MySQL clients of any node of the cluster")
	user := f.String("user", "root", "an account that may administer the server")
	password := f.String("password", "", "its password; better given as CLOUDSQL_PASSWORD: other users of the machine see command lines")
	wait := f.Bool("wait", true, "end when the node has given up its replicas")
	if len(args) == 0 {
		return usageError(f, errors.New("say what: list, drain, remove or resume"))
	}
	what, id := args[0], uint64(0)
	args = args[1:]
	switch what {
	case "list":
	case "drain", "remove", "resume":
		var err error
		if len(args) == 0 {
			return usageError(f, fmt.Errorf("%s needs a node's id", what))
		}
		if id, err = strconv.ParseUint(args[0], 10, 64); err != nil {
			return usageError(f, fmt.Errorf("%q is no node's id", args[0]))
		}
		args = args[1:]
	default:
		return usageError(f, fmt.Errorf("there is no %q", what))
	}
	if err := parse(f, args, stderr); err != nil {
		return err
	}
	conn, err := client.Connect(*addr, *user, *password, "information_schema")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if what == "list" {
		return listNodes(conn, stdout)
	}
	if _, err := conn.Execute(fmt.Sprintf("ALTER CLUSTER %s NODE %d", what, id)); err != nil {
		return err
	}
	if what == "resume" || !*wait {
		return nil
	}
	return awaitDeparture(conn, id, stdout)
}

func listNodes(conn *client.Conn, w io.Writer) error {
	r, err := conn.Execute("SELECT node_id, state, is_alive, replicas, leases, node_address, sql_address FROM cluster_nodes ORDER BY node_id")
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tSTATE\tALIVE\tREPLICAS\tLEASES\tADDRESS\tSQL")
	for i := range r.RowNumber() {
		for k := range r.ColumnNumber() {
			s, err := r.GetString(i, k)
			if err != nil {
				return err
			}
			if k > 0 {
				s = "\t" + s
			}
			fmt.Fprint(t, s)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// awaitDeparture waits until a node has none of the clients' rows, or has left, and tells how far it is.
func awaitDeparture(conn *client.Conn, id uint64, w io.Writer) error {
	for told := ""; ; time.Sleep(500 * time.Millisecond) {
		r, err := conn.Execute(fmt.Sprintf("SELECT state, replicas, leases FROM cluster_nodes WHERE node_id = %d", id))
		if err != nil {
			return err
		}
		state, err := r.GetString(0, 0)
		if err != nil {
			return err
		}
		replicas, _ := r.GetInt(0, 1)
		leases, _ := r.GetInt(0, 2)
		if now := fmt.Sprintf("node %d: %s, %d replicas, %d leases", id, state, replicas, leases); now != told {
			told = now
			fmt.Fprintln(w, told)
		}
		if state != "draining" && state != "removing" {
			return nil
		}
	}
}
