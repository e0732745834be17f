package process

import "syscall"

// attributes gives the child its own group and has the kernel kill it when the stack dies, even by kill -9. SIGKILL and
// not SIGTERM: nobody would be there to enforce an end, and the next start must find the port and the store free.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
