package session

// The parts of what a session does. Each is the session itself, as it is seen by one kind of work, and costs nothing to make; what one
// part wants of another it asks that part for by its name.
type (
	// texts reads and runs statements that come as text.
	texts struct{ *Session }
	// preparation makes prepared statements and executes them.
	preparation struct{ *Session }
	// execution makes plans and runs them.
	execution struct{ *Session }
	// commands runs what is no query, no data change and no definition.
	commands struct{ *Session }
	// definitions runs CREATE, ALTER, DROP and their kin.
	definitions struct{ *Session }
	// variables knows what only the session can tell of the system variables.
	variables struct{ *Session }
)
