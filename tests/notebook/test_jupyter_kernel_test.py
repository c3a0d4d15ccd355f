"""jupyter_kernel_test, the suite that Jupyter gives to authors of kernels: everything that it can ask."""

from __future__ import annotations

import jupyter_kernel_test
import pytest

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own and jupyter-client's


class TestLua(jupyter_kernel_test.KernelTests):
    kernel_name = "llmspell"
    language_name = "lua"
    file_extension = ".lua"
    code_hello_world = "print('hello, world')"
    code_stderr = "io.stderr:write('oops')"
    completion_samples = [
        {"text": "pri", "matches": {"print"}},
        {"text": "string.forma", "matches": {"format"}},
        {"text": "local total = 1 print(tot", "matches": {"total"}},
    ]
    complete_code_samples = ["1", "print('hello')", "for i = 1, 2 do print(i) end", "x = [[a\nb]]"]
    incomplete_code_samples = ["print(", "for i = 1, 2 do", "function f()\n  return 1", "x = [[a\nb", "x ="]
    invalid_code_samples = ["x y", "for i in do end", "end", "'abc\n'"]
    code_page_something = "print?"
    code_generate_error = "error('wrong')"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "return 'a', 1.5", "result": "a\t1.5"},
        {"code": "{ 1, 2, x = 'y' }", "result": '{ 1, 2, x = "y" }'},
    ]
    code_display_data = [
        {"code": "display{ ['text/html'] = '<b>bold</b>' }", "mime": "text/html"},
        {"code": "display('\\137PNG\\r\\n\\26\\n')", "mime": "image/png"},
    ]
    code_history_pattern = "6*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "print"
    code_clear_output = "clear_output()"


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "llmspell"
    support_iopub_welcome = True
