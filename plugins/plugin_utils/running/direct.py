# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module of ours on the controller itself, in a process forked from Ansible's worker.

Ansible packs a module with everything it imports (0.8 s of CPU for each module and run), starts a Python and has it compile all
of that (0.9 s for each slice). Where the module would run on this machine with this very Python, the worker has both already:
it imports once and forks for each slice. The module is a process of its own as before, with its own environment, signals and output;
it can crash or be killed alone. Its arguments are neither on disk nor in a command line.

Everywhere else (another host, another Python or PYTHONPATH, become, other systems than Linux, an ansible-core that is not in ``CORES``) Ansible
runs the module as usual.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import logging
import os
import selectors
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.plugins.action import ActionBase
from ansible.release import __version__
from ansible.utils.display import Display

display = Display()

#: The oldest and newest ansible-core on which this way is tested. What is replaced here is not part of Ansible's interface.
CORES = ((2, 16), (2, 21))

#: Where our modules are, and what they share.
MODULES = "ansible_collections.homeward.asr.plugins.modules."
SHARED = "ansible_collections.homeward.asr.plugins.module_utils."

#: What modules import late or not at all, imported once before the first fork, and the option without which a module does not need it.
PACKAGES = (
    ("azure.core.rest", ""),
    ("azure.identity", ""),
    ("azure.mgmt.recoveryservicessiterecovery", ""),
    ("urllib3", ""),
    (f"{SHARED}failback.readiness.before_step", "slice_seconds"),
    (f"{SHARED}failback.servers.moved", "slice_seconds"),
    (f"{SHARED}vcenter.site", "hostname"),
)

#: Variables that stand for options here, and those that name trusted authorities.
VARIABLES = {"hostname": "VMWARE_HOST", "ca_path": "AZURE_CA_PATH"}
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")

#: The parsing of arguments and results that modules have by default, from ansible-core 2.19 on.
PROFILE = "legacy"

#: Signals that Ansible's worker handles in its own way.
SIGNALS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGALRM: signal.SIG_DFL,
}

#: Objects made before the garbage collector looks for circles. A slice is short, and Python's own number is for programs that are not.
GC_THRESHOLD = 100_000


class Direct(ActionBase):
    """An action whose module is run here where that is possible, and as Ansible runs it everywhere else.

    Only the two steps are replaced that pack a module and start it: its arguments and its answer pass through Ansible's own hands.
    """

    #: The module that is run here with its environment, and its arguments with those that Ansible adds.
    _module_here: Any = None
    _environment_here: Mapping[str, str] = {}
    _prepared: dict[str, Any] | None = None

    def _answer(self, name: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """What the module answers."""
        self._environment_here = self._environment()
        here = possible(self, task_vars) and not starts_otherwise(self._environment_here)
        self._module_here = module_of(name, arguments) if here else None
        self._prepared = None
        try:
            found: dict[str, Any] = self._execute_module(
                module_name=name, module_args=arguments, task_vars=task_vars, wrap_async=False
            )
        finally:
            self._module_here = None
        return found

    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
        made = None if self._module_here is None else built(str(self._module_here.__file__))
        if made is None:
            return super()._configure_module(module_name=module_name, module_args=module_args, task_vars=task_vars)
        self._prepared = module_args
        return made

    def _low_level_execute_command(self, *args: Any, **named: Any) -> Any:
        if self._prepared is None:
            return super()._low_level_execute_command(*args, **named)  # type: ignore[no-untyped-call]
        display.vvv("Running the module in a process forked from this one.")
        prepared, self._prepared = self._prepared, None
        warm(prepared, self._environment_here)
        return run(self._module_here, prepared, self._environment_here, str(self._loader.get_basedir()))

    def _environment(self) -> dict[str, str]:
        """What ``environment`` of the task and around it sets."""
        found: dict[str, Any] = {}
        self._compute_environment_string(found)  # type: ignore[no-untyped-call]
        return {str(name): str(value) for name, value in found.items()}


def possible(action: Any, task_vars: Mapping[str, Any]) -> bool:
    """Whether the module would run on this machine with this Python, as this user."""
    connection, task = action._connection, action._task
    if not CORES[0] <= core() <= CORES[1]:
        return False
    if sys.platform != "linux" or getattr(connection, "transport", "") != "local" or threading.active_count() > 1:
        return False
    if getattr(connection, "become", None) is not None or task.become:
        return False
    if task.delegate_to:
        task_vars = (task_vars.get("ansible_delegated_vars") or {}).get(task.delegate_to) or {}
    python = task_vars.get("ansible_python_interpreter")
    return bool(python) and same_python(str(action._templar.template(python)), sys.executable)


def starts_otherwise(environment: Mapping[str, str]) -> bool:
    """Whether a Python that is started with this would not be the one that runs: such variables are read once, at its start."""
    return any(name.startswith(("PYTHON", "LD_")) for name in environment)


def core() -> tuple[int, ...]:
    """The ansible-core that runs, as (major, minor)."""
    return tuple(map(int, __version__.split(".")[:2]))


def same_python(one: str, other: str) -> bool:
    """Whether two paths are one Python: the same program in the same directory, which makes its virtual environment."""
    try:
        return os.path.samefile(one, other) and os.path.samefile(os.path.dirname(one), os.path.dirname(other))
    except OSError:
        return False


def built(path: str) -> Any:
    """What Ansible makes of a module before it runs it, without the module: there is nothing to transfer. None: not known for
    this ansible-core."""
    shebang = f"#!{sys.executable}"
    if core() < (2, 19):
        return ("new", shebang, b"", path)
    try:
        from ansible.executor.module_common import _BuiltModule

        bits = _BuiltModule(module_style="new", shebang=shebang, b_module_data=b"", serialization_profile=PROFILE)
    except (ImportError, TypeError):
        return None
    return bits, path


def module_of(name: str, options: Mapping[str, Any]) -> Any:
    """The module, with what it imports; None where it cannot be imported here, which Ansible's own way reports."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            module = importlib.import_module(MODULES + name.rpartition(".")[2])
        except (Exception, SystemExit):  # noqa: BLE001
            return None
        for package, option in PACKAGES:
            # What is missing is the module's to say.
            with contextlib.suppress(Exception):
                if not option or given(option, options):
                    importlib.import_module(package)
    return module if callable(getattr(module, "main", None)) else None


def given(option: str, options: Mapping[str, Any]) -> Any:
    """The value of an option, as far as it can be known here."""
    return options.get(option) or os.environ.get(VARIABLES.get(option, ""))


def warm(options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Parse the trusted authorities, which takes 60 ms of CPU, once for all forks, unless the task's environment names others. What is
    wrong with them is the module's to say."""
    if {*AUTHORITIES, *VARIABLES.values()} & set(environment):
        return
    path = given("ca_path", options)
    with contextlib.suppress(Exception):
        importlib.import_module(f"{SHARED}azure.tls").context(path)
    with contextlib.suppress(Exception):
        if given("hostname", options) and options.get("validate_certs") is not False:
            importlib.import_module(f"{SHARED}vcenter.connection").trusting(path)


def packed(arguments: Mapping[str, Any]) -> bytes:
    """The arguments as Ansible passes them to a module."""
    try:
        from ansible.module_utils.common.json import Direction, get_module_encoder

        options: dict[str, Any] = {"cls": get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)}
    except ImportError:
        from ansible.parsing.ajson import AnsibleJSONEncoder

        options = {"cls": AnsibleJSONEncoder, "vault_to_text": True}
    return json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, **options).encode()


def run(module: Any, arguments: Mapping[str, Any], environment: Mapping[str, str], directory: str) -> dict[str, Any]:
    """The module in a process of its own; its exit code and output as a connection returns them.

    A negative exit code is the signal that ended it. Raises AnsibleConnectionFailure where no process can be started.
    """
    parameters = packed(arguments)
    out, err = os.pipe(), os.pipe()
    try:
        child = os.fork()
    except OSError as exc:
        for fd in (*out, *err):
            os.close(fd)
        raise AnsibleConnectionFailure(f"The module's process could not be started: {exc}.") from exc
    if child == 0:
        _child(module, parameters, environment, directory, out[1], err[1])
    os.close(out[1])
    os.close(err[1])
    ended = False
    try:
        stdout, stderr = _read(out[0], err[0])
        ended = True
    finally:
        if not ended:
            # The task's own time is over, or the run is ending. What was sent goes on in the service.
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        os.close(out[0])
        os.close(err[0])
    return {
        "rc": os.waitstatus_to_exitcode(status),
        "stdout": stdout,
        "stdout_lines": stdout.splitlines(),
        "stderr": stderr,
        "stderr_lines": stderr.splitlines(),
    }


def _read(*pipes: int) -> list[str]:
    """All that comes out of pipes until they are closed."""
    found: dict[int, list[bytes]] = {pipe: [] for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select():
                data = os.read(key.fd, 1 << 16)
                found[key.fd].append(data)
                if not data:
                    selector.unregister(key.fd)
    return [b"".join(parts).decode("utf-8", "replace") for parts in found.values()]


def _child(
    module: Any, parameters: bytes, environment: Mapping[str, str], directory: str, out: int, err: int
) -> NoReturn:
    """The module's process: as if it had been started for it. It never returns to the code of the worker."""
    code = 1
    try:
        for number, handler in SIGNALS.items():
            signal.signal(number, handler)
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        _redirect(out, err)
        os.chdir(directory)
        os.environ.update(environment)
        _detach(parameters)
        module.main()
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _redirect(out: int, err: int) -> None:
    """Standard streams of its own; everything else that the worker has open is out of reach.

    The numbers stay taken: objects of the worker still close them some day, and must not close a connection of the module.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd > 2 and fd != nothing:
            with contextlib.suppress(OSError):
                os.fstat(fd)
                os.dup2(nothing, fd)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115


def _detach(parameters: bytes) -> None:
    """What Ansible keeps in a process for its own use, as it is in a module's."""
    atexit._clear()
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    for name in ("_global_warnings", "_global_deprecations"):
        kept = getattr(warnings, name, None)
        if kept:
            kept.clear()
    basic._ANSIBLE_ARGS = parameters
    if hasattr(basic, "_ANSIBLE_PROFILE"):
        basic._ANSIBLE_PROFILE = PROFILE
    with contextlib.suppress(ImportError):
        from ansible.module_utils import _internal

        # Warnings belong to the result, not to the controller's display.
        _internal.is_controller = False
