//go:build unix && !linux

package process

// AdoptOrphans does nothing here: only Linux lets a process become the parent of orphans. What left its child's group
// stays until it ends by itself.
func AdoptOrphans() (killAll func(), err error) { return func() {}, nil }
