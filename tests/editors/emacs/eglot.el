;;; The language server in Emacs' eglot, headless.  -*- lexical-binding: t -*-
;; emacs --batch -l eglot.el; PYTHON names the interpreter. Exit code 0 if all went as told.

(package-initialize)
(require 'eglot)
(require 'lua-mode)

(load (expand-file-name "waiting.el" (file-name-directory load-file-name)) nil t)
(add-to-list 'eglot-server-programs (cons 'lua-mode (list llmspell-python "-m" "llmspell_kernel" "lsp")))

(defun llmspell-problems ()
  (mapcar #'flymake-diagnostic-text (flymake-diagnostics)))

(defun llmspell-problem? (text)
  (flymake-start)
  (seq-some (lambda (one) (string-match-p (regexp-quote text) one)) (llmspell-problems)))

(defun llmspell-after (text)
  (goto-char (point-min))
  (search-forward text))

(defun llmspell-completions ()
  (pcase (run-hook-with-args-until-success 'completion-at-point-functions)
    (`(,start ,_ ,table . ,_) (all-completions (buffer-substring start (point)) table))))

(defun llmspell-story ()
  (let* ((folder (file-name-as-directory (make-temp-file "llmspell eglot ä" t)))
         (file (concat folder "program.lua"))
         (eglot-sync-connect 30)
         (eglot-autoshutdown t)
         (eglot-confirm-server-initiated-edits nil)
         (flymake-no-changes-timeout 0.1)
         server)
    (write-region "local tool = Tool.get(\"calculatr\")\nlocal used = 20 -- 𝄞\nprint(used, tool)\n" nil file)
    (find-file file)
    (llmspell-expect "a Lua buffer" 'lua-mode major-mode)
    (apply #'eglot (eglot--guess-contact))
    (setq server (llmspell-wait "the server" #'eglot-current-server))
    (llmspell-wait "a diagnostic" (lambda () (llmspell-problem? "calculatr")))
    (message "ok: marks an unknown tool")
    (llmspell-after "get(\"calc")
    (llmspell-expect "completes a tool's name" t (and (member "calculator" (llmspell-completions)) t))
    (llmspell-after "calculatr")
    (delete-char -1)
    (insert "or")
    (eglot--signal-textDocument/didChange) ; by an idle timer, with a person
    (llmspell-wait "no diagnostic" (lambda () (not (llmspell-problem? "calculat"))))
    (message "ok: sees what is typed and not saved")
    (llmspell-after "print(us")
    (xref-find-definitions (xref-backend-identifier-at-point (xref-find-backend)))
    (llmspell-expect "goes to a definition" 2 (line-number-at-pos))
    (llmspell-after "print(us")
    (eglot-rename "renamed")
    (llmspell-expect "renames" "local renamed = 20 -- 𝄞"
                     (progn (goto-char (point-min)) (forward-line 1) (buffer-substring (point) (line-end-position))))
    (set-buffer-modified-p nil)
    (let ((process (jsonrpc--process server)))
      (eglot-shutdown server)
      (llmspell-wait "the server's end" (lambda () (not (process-live-p process)))))
    (message "ok: ends the server")
    (delete-directory folder t)))

(condition-case problem
    (progn (llmspell-story) (kill-emacs 0))
  (error (message "FAILED: %s" (error-message-string problem)) (kill-emacs 1)))
