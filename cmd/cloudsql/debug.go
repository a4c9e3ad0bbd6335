package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"cloudsql/distributed/datadir"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

const debugUsage = `Usage:
  cloudsql debug log --data DIR [--shard N] [flags]            show a stopped node's replicas, or the log of one
  cloudsql debug fail-entry --data DIR --shard N --index I --checksum X
                                                               leave out an entry at which all replicas stop

"cloudsql debug log -h" and "cloudsql debug fail-entry -h" list the flags.
`

// debugCommand is for the operator of nodes that do not run.
func debugCommand(args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "log":
			return debugLog(args[1:], stdout, stderr)
		case "fail-entry":
			return failEntry(args[1:], stdout, stderr)
		}
	}
	fmt.Fprint(stderr, debugUsage)
	return errUsage
}

// debugLog prints a shard's log.
func debugLog(args []string, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("debug log", flag.ContinueOnError)
	data := f.String("data", "data/node", "a stopped node's data directory")
	walDir := f.String("wal-dir", "", "the node's --wal-dir")
	id := f.Uint64("shard", 0, "whose log; 0: list the replicas")
	from := f.Uint64("from", 0, "first entry; 0: a few before the first that was not applied")
	to := f.Uint64("to", 0, "last entry; 0: as many as --limit")
	limit := f.Uint64("limit", 50, "entries that are shown at most")
	asJSON := f.Bool("json", false, "one JSON object a line")
	if err := parse(f, args, stderr); err != nil {
		return err
	}
	if *id > math.MaxUint32 || *limit == 0 {
		return usageError(f, errors.New("--shard or --limit is out of range"))
	}
	s, err := datadir.OpenStopped(*data, *walDir, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if *id == 0 {
		return printReplicas(s, stdout, *asJSON)
	}
	r, err := s.Replica(schema.ShardID(*id))
	if err != nil {
		return err
	}
	const before = 4
	if *from == 0 {
		*from = max(r.Applied, before) - before + 1
	}
	if *to == 0 {
		*to = math.MaxUint64
	}
	*to = min(*to, *from+min(*limit-1, math.MaxUint64-*from))
	shown := 0
	err = s.Log(r.Shard, *from, *to, func(x datadir.LogText) error {
		shown++
		if *asJSON {
			return json.NewEncoder(stdout).Encode(x)
		}
		return printEntry(stdout, &x)
	})
	if err == nil && !*asJSON {
		_, err = fmt.Fprintf(stdout, "%d entries shown; the log has %d to %d, %d committed, %d applied here\n", shown, r.First, r.Last, r.Committed, r.Applied)
	}
	return err
}

func printReplicas(s *datadir.Stopped, out io.Writer, asJSON bool) error {
	replicas, err := s.Replicas()
	if err != nil {
		return err
	}
	for _, r := range replicas {
		if asJSON {
			if err := json.NewEncoder(out).Encode(r); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(out, "shard %d replica %d: log %d to %d, %d committed, %d applied", r.Shard, r.Replica, r.First, r.Last, r.Committed, r.Applied)
		for _, m := range r.Marks {
			fmt.Fprintf(out, ", %d is marked as failed", m.Index)
		}
		if r.Broken != "" {
			fmt.Fprintf(out, ", broken: %s", r.Broken)
		}
		fmt.Fprintln(out)
	}
	return nil
}

// printEntry prints an entry over several lines: itself, its proposals, and what each does.
func printEntry(out io.Writer, x *datadir.LogText) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d term %d %s, %d bytes", x.Index, x.Term, x.Kind, x.Bytes)
	if x.Checksum != "" {
		fmt.Fprintf(&b, ", checksum %s, format %d", x.Checksum, x.Format)
	}
	switch {
	case x.Marked:
		b.WriteString(", MARKED AS FAILED")
	case x.Applied:
		b.WriteString(", applied")
	default:
		b.WriteString(", not applied")
	}
	if x.Damage != "" {
		fmt.Fprintf(&b, ", CANNOT BE DECODED: %s", x.Damage)
	}
	if x.Unknown {
		b.WriteString(" (a replica stops here)")
	}
	b.WriteByte('\n')
	if x.Detail != "" {
		fmt.Fprintf(&b, "    %s\n", x.Detail)
	}
	for _, p := range x.Proposals {
		fmt.Fprintf(&b, "    %s of %s at %s, %d bytes", p.Kind, p.Txn, p.TS, p.Bytes)
		if p.Damage != "" {
			fmt.Fprintf(&b, ", CANNOT BE DECODED: %s", p.Damage)
		}
		b.WriteByte('\n')
		for _, part := range p.Parts {
			fmt.Fprintf(&b, "        %s\n", part)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// failEntry marks a log entry as failed, or takes the mark back.
func failEntry(args []string, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("debug fail-entry", flag.ContinueOnError)
	data := f.String("data", "data/node", "a stopped node's data directory")
	walDir := f.String("wal-dir", "", "the node's --wal-dir")
	id := f.Uint64("shard", 0, "whose log")
	index := f.Uint64("index", 0, "of the entry")
	checksum := f.String("checksum", "", "the entry's `checksum`, as the node's log and 'cloudsql debug log' tell it")
	undo := f.Bool("undo", false, "take the mark back")
	if err := parse(f, args, stderr); err != nil {
		return err
	}
	sum, err := strconv.ParseUint(*checksum, 16, 64)
	if *id == 0 || *id > math.MaxUint32 || *index == 0 || err != nil && !*undo {
		return usageError(f, errors.New("--shard, --index and --checksum must name an entry"))
	}
	s, err := datadir.OpenStopped(*data, *walDir, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if *undo {
		if err := s.UndoFailEntry(schema.ShardID(*id), *index); err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "entry %d of shard %d is not marked any more\n", *index, *id)
		return err
	}
	if err := s.FailEntry(schema.ShardID(*id), shard.Mark{Index: *index, Checksum: sum}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "entry %d of shard %d will be left out by this node's replica. Do the same in the directories of all nodes "+
		"with a replica of the shard (the cluster has %d nodes) before any is started\n", *index, *id, s.Others())
	return err
}
