package monitor

import (
	"maps"
	"slices"
	"strings"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
)

func perfVariables(global bool) func(s *virtual.Scan) error {
	return func(s *virtual.Scan) error {
		return pairs(s, func(fn func(name, value string)) { s.Variables(global, fn) })
	}
}

func perfStatus(global bool) func(s *virtual.Scan) error {
	return func(s *virtual.Scan) error {
		return pairs(s, func(fn func(name, value string)) { s.Status(global, fn) })
	}
}

// pairs makes rows of names and values.
func pairs(s *virtual.Scan, list func(fn func(name, value string))) error {
	var err error
	list(func(name, value string) {
		if err == nil {
			err = s.Row(types.Str(name), types.Str(value))
		}
	})
	return err
}

// processes gives a line for each session: what SHOW PROCESSLIST has, and more.
func processes(more ...types.Value) func(s *virtual.Scan) error {
	return func(s *virtual.Scan) error {
		list, err := virtual.Processes(s.Ctx, s)
		if err != nil {
			return err
		}
		for i := range list {
			p := &list[i]
			row := append([]types.Value{virtual.Num(p.ID), types.Str(p.User), types.Str(p.Host), virtual.Optional(p.DB),
				types.Str(p.Command), p.Seconds(s), types.Str(p.State), virtual.Optional(p.Info)}, more...)
			if err := s.Row(row...); err != nil {
				return err
			}
		}
		return nil
	}
}

// perfThreads has a line for each session. Its thread id is the connection's.
func perfThreads(s *virtual.Scan) error {
	list, err := virtual.Processes(s.Ctx, s)
	if err != nil {
		return err
	}
	null := types.Null
	for i := range list {
		p := &list[i]
		host, _, _ := strings.Cut(p.Host, ":")
		err := s.Row(virtual.Num(p.ID), types.Str("thread/sql/one_connection"), types.Str("FOREGROUND"),
			virtual.Num(p.ID), types.Str(p.User), types.Str(host),
			virtual.Optional(p.DB), types.Str(p.Command), p.Seconds(s), virtual.Optional(p.State),
			virtual.Optional(p.Info), null, null, types.Str("YES"), types.Str("YES"),
			types.Str("TCP/IP"), null, types.Str("USR_default"), types.Str("PRIMARY"), virtual.Num(0), virtual.Num(0),
			virtual.Num(0), virtual.Num(0), types.Str("NO"))
		if err != nil {
			return err
		}
	}
	return nil
}

// perfConnected counts the sessions that are connected now, by user, host or both.
func perfConnected(byUser, byHost bool) func(s *virtual.Scan) error {
	return func(s *virtual.Scan) error {
		list, err := virtual.Processes(s.Ctx, s)
		if err != nil {
			return err
		}
		counts := map[[2]string]int{}
		for i := range list {
			var key [2]string
			if byUser {
				key[0] = list[i].User
			}
			if byHost {
				key[1], _, _ = strings.Cut(list[i].Host, ":")
			}
			counts[key]++
		}
		keys := slices.SortedFunc(maps.Keys(counts), func(a, b [2]string) int {
			return strings.Compare(a[0]+a[1],
				b[0]+b[1])
		})
		for _, k := range keys {
			var row []types.Value
			if byUser {
				row = append(row, types.Str(k[0]))
			}
			if byHost {
				row = append(row, types.Str(k[1]))
			}
			if err := s.Row(append(row, virtual.Num(counts[k]), virtual.Num(counts[k]), virtual.Num(0),
				virtual.Num(0))...); err != nil {
				return err
			}
		}
		return nil
	}
}

// ConnectAttributes is what a Context may offer besides.
type ConnectAttributes = virtual.ConnectAttributes

func perfConnectAttributes(s *virtual.Scan) error {
	c, ok := s.Context.(ConnectAttributes)
	if !ok {
		return nil
	}
	id, attributes := c.ConnectAttributes()
	for i, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := s.Row(virtual.Num(id), types.Str(name), types.Str(attributes[name]), virtual.Num(i)); err != nil {
			return err
		}
	}
	return nil
}
