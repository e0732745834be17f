package silver

// inUTF8 refuses a text of another encoding.
func inUTF8(head []byte) error {
	if encoding := unicode(head); encoding != "" {
		return unreadable("it is %s; JSON is UTF-8, encode it so", encoding)
	}
	return nil
}

// unicode names the encoding of a text that is none of UTF-8. JSON begins with a byte that is not zero, and so does the next one.
func unicode(head []byte) string {
	if len(head) < 4 {
		return ""
	}
	zeros := 0
	for _, b := range head[:4] {
		if b == 0 {
			zeros++
		}
	}
	mark := head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff
	switch {
	case mark && zeros < 2, zeros == 2 && (head[0] == 0) == (head[2] == 0) && (head[1] == 0) == (head[3] == 0):
		return "UTF-16"
	case mark, zeros == 3 && (head[0] != 0 || head[3] != 0), zeros == 2 && head[2] == 0xfe && head[3] == 0xff:
		return "UTF-32"
	}
	return ""
}
