;;; What every story in Emacs needs.  -*- lexical-binding: t -*-

(defconst llmspell-python (or (getenv "PYTHON") "python3"))

(defun llmspell-wait (what condition)
  "Wait until CONDITION gives something, and give it; fail after 30 seconds."
  (let ((end (+ (float-time) 30)) found)
    (while (not (setq found (funcall condition)))
      (when (> (float-time) end) (error "Waited in vain: %s" what))
      (accept-process-output nil 0.05))
    found))

(defun llmspell-expect (what wanted got)
  (unless (equal wanted got) (error "%s: %S, not %S" what got wanted))
  (message "ok: %s" what))
