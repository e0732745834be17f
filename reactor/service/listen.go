package service

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"millrace/infra/files"
)

// listen opens the HTTP address and leaves it in the home folder, for those who gave port 0.
func (s *Service) listen(context.Context) error {
	l, err := net.Listen("tcp", s.cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listen on %s (MILLRACE_HTTP_ADDR): %w", s.cfg.HTTPAddr, err)
	}
	s.onClose(func() { _ = l.Close() }) // the server has closed it already, when it ran
	if s.listener, err = s.cfg.TLS.Listener(l); err != nil {
		return err
	}
	if err := files.Replace(filepath.Join(s.cfg.Home, "http.addr"), []byte(l.Addr().String())); err != nil {
		return fmt.Errorf("leave the HTTP address in the home folder: %w", err)
	}
	return nil
}
