package raft

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/lni/dragonboat/v4/logger"

	"cloudsql/storage/engine"
)

var setLogger sync.Once

// useSlog sends dragonboat's own log to slog, one level down: what it tells as information is of interest to those who
// debug it, and its warnings are part of any failover.
func useSlog() {
	setLogger.Do(func() {
		watchStandardLog()
		logger.SetLoggerFactory(func(pkg string) logger.ILogger { return libraryLogger{pkg} })
	})
}

type libraryLogger struct{ pkg string }

func (l libraryLogger) SetLevel(logger.LogLevel)    {}
func (l libraryLogger) Debugf(f string, a ...any)   { l.log(slog.LevelDebug-4, f, a) }
func (l libraryLogger) Infof(f string, a ...any)    { l.log(slog.LevelDebug, f, a) }
func (l libraryLogger) Warningf(f string, a ...any) { l.log(slog.LevelDebug, f, a) }
func (l libraryLogger) Errorf(f string, a ...any)   { l.log(slog.LevelInfo, f, a) }

// Panicf ends the process, unless one of our own goroutines has called into the library (package spawn): the library's
// workers serve several replicas, and none can go on without the one that finds its state impossible.
func (l libraryLogger) Panicf(f string, a ...any) {
	l.log(slog.LevelError, f, a)
	for _, v := range a {
		if err, ok := v.(error); ok && engine.IsDamage(err) {
			noteDamage(err.Error())
		}
	}
	panic(fmt.Sprintf(f, a...))
}

func (l libraryLogger) log(level slog.Level, f string, a []any) {
	if log := slog.Default(); log.Enabled(context.Background(), level) {
		log.Log(context.Background(), level, fmt.Sprintf(f, a...), "part", "raft/"+l.pkg)
	}
}
