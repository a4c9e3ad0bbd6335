package expr

import "cloudsql/storage/mysqlerr"

// What functions do is bounded by what they look at (Cost) and build (Budget.Bytes), but for those that look at one argument for each
// place of another, as LOCATE does. These count their work while they do it: in a proposal against its Budget, which ends it
// with the same error on every replica; elsewhere their statement can be cancelled meanwhile.

// workUnit is the work, in steps, after which a function looks up.
const workUnit = 1 << 16

// jsonSteps is the work of taking a byte of a document apart, or comparing it.
const jsonSteps = 16

// collateSteps is the work of comparing a byte under a collation.
const collateSteps = 4

// meter counts the work of one call; nil counts nothing, where there cannot be much.
type meter struct {
	env *Env
	n   int
}

func (env *Env) meter() *meter { return &meter{env: env} }

// spend counts n steps; the error ends the statement: too much work, or 1317 for one that was cancelled.
func (m *meter) spend(n int) error {
	if m == nil {
		return nil
	}
	if m.n += n; m.n < workUnit {
		return nil
	}
	n, m.n = m.n, 0
	return m.env.work(n)
}

// collate counts the comparison of n bytes under a collation.
func (m *meter) collate(n int) error { return m.spend(collateSteps * n) }

// work counts n steps.
func (env *Env) work(n int) error {
	if env.Budget != nil && !env.Mode.Legacy {
		if err := env.Budget.Spend(n); err != nil {
			return err
		}
	}
	if n >= workUnit && env.Ctx != nil && env.Ctx.Err() != nil {
		return mysqlerr.New(mysqlerr.QueryInterrupted)
	}
	return nil
}
