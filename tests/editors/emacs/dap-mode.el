;;; A session in Emacs, headless: dap-mode sets a breakpoint, stops, evaluates, steps, ends.  -*- lexical-binding: t -*-
;; emacs --batch -l dap-mode.el; PYTHON names the interpreter. Exit code 0 if all went as told.

(package-initialize)
(defvar dap-exception-breakpoints nil) ; dap-ui, which has it, needs a display
(require 'dap-mode)

(load (expand-file-name "waiting.el" (file-name-directory load-file-name)) nil t)

(dap-register-debug-provider
 "llmspell"
 (lambda (configuration)
   (plist-put configuration :dap-server-path (list llmspell-python "-m" "llmspell_dap"))))

(defun llmspell-line ()
  "The line of the frame that the session stands in."
  (let* ((session (dap--cur-session))
         (frame (and session (dap--debug-session-active-frame session))))
    (and frame (gethash "line" frame))))

(defun llmspell-adapter? (process)
  (and (process-live-p process)
       (eq (process-type process) 'real)
       (member "llmspell_dap" (process-command process))))

(defun llmspell-story ()
  (let* ((folder (file-name-as-directory (make-temp-file "llmspell emacs ä" t)))
         (file (concat folder "program.lua"))
         (ended nil)
         (dap-auto-configure-features nil)
         (lsp-restart 'ignore))
    (write-region "local a = 20\nlocal b = a + 1\nlocal c = a + b\nprint(c)\n" nil file)
    (find-file file)
    (add-hook 'dap-terminated-hook (lambda (_) (setq ended t)))
    (goto-char (point-min))
    (forward-line 2)
    (dap-breakpoint-add)
    (dap-debug (list :type "llmspell" :request "launch" :name "Lua" :program file :cwd folder))
    (llmspell-expect "stops at the breakpoint" 3 (llmspell-wait "stop" #'llmspell-line))
    (let (value)
      (dap--send-message
       (dap--make-request "evaluate"
                          (list :expression "a + b" :context "repl"
                                :frameId (gethash "id" (dap--debug-session-active-frame (dap--cur-session)))))
       (lambda (answer) (setq value (gethash "result" (gethash "body" answer))))
       (dap--cur-session))
      (llmspell-expect "evaluates" "41" (llmspell-wait "value" (lambda () value))))
    (dap-next (dap--cur-session))
    (llmspell-wait "step" (lambda () (equal (llmspell-line) 4)))
    (message "ok: steps")
    (let ((session (dap--cur-session)))
      (dap-continue session (dap--debug-session-thread-id session))
      (llmspell-wait "end" (lambda () ended))
      (message "ok: ends")
      ;; dap-mode ends the adapter by itself
      (llmspell-wait "the adapter's end" (lambda () (not (seq-some #'llmspell-adapter? (process-list)))))
      (message "ok: leaves no adapter"))
    (delete-directory folder t)))

(condition-case problem
    (progn (llmspell-story) (kill-emacs 0))
  (error (message "FAILED: %s" (error-message-string problem)) (kill-emacs 1)))
