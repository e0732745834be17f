package process

import "syscall"

// Attributes gives the child its own group and has the kernel kill it when the stack dies, even by kill -9. SIGKILL and
// not SIGTERM: nobody would be there to enforce an end, and the next start must find the port and the store free.
// The signal is tied to the thread that starts the child: that one must be locked for as long as the child lives.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
