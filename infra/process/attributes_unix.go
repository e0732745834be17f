//go:build unix && !linux

package process

import "syscall"

// Attributes gives the child its own group. There is no parent-death signal here: a stack that was killed by kill -9
// leaves its children, and the next start names the port they hold.
func Attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
