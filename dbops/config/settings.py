"""All settings of one command, from all sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dbops.config import alembic as alembic_project
from dbops.config import checks, dotenv, project, sources, values
from dbops.config.model import DEFAULT, SQLITE_FILE, Alembic, Options, Setting, Settings, Target
from dbops.config.project import Project
from dbops.config.sources import Source, Variables
from dbops.config.sqlite_url import DB_PATH
from dbops.config.variables import TARGET_VARIABLES, from_environment, require_utf8
from dbops.errors import ConfigError, UsageError

DEFAULT_DATABASE = "trading_engine"
# The folders of a project by their keys, and where they are unless configured.
_FOLDERS = {"migrations-dir": "migrations", "backups-dir": "backups", "seeds-dir": "seeds"}
_TIMES = ("DBOPS_LOCK_TIMEOUT", "DBOPS_STATEMENT_TIMEOUT", "DBOPS_DEADLINE")


def load(options: Options, environ: Mapping[str, str], cwd: Path) -> Settings:
    """The settings of one command; nothing is connected to, changed or removed.

    Sources, strongest first: options, environment, `.env` of the project
    folder, `[tool.dbops]` of its pyproject.toml, defaults.  An empty variable
    counts as not set, also a password: an empty one cannot be configured here.
    DBOPS_CONFIRM counts in the environment alone, for consent that is kept in
    a file would be no consent.

    :raises UsageError: options that do not go together, or with a wrong value.
    :raises ConfigError: a wrong, contradictory or missing value elsewhere, or a wrong URL anywhere.
    """
    _check_options(options)
    found = project.find(environ, cwd)
    target_variables = (_url_variable(options.env),) if options.env else TARGET_VARIABLES
    env = from_environment(environ, (*target_variables, DB_PATH, *_TIMES))
    file = dotenv.read(found.folder / ".env")
    alembic = alembic_project.find(found, _option("alembic-python", options.alembic_python), cwd)
    source = (
        _environment_source(options.env, env, file, found)
        if options.env
        else _with_alembic(_merged(options, env, file, found), alembic)
    )
    target = _file_target(source, env, file, found, cwd)
    database = _database(target, found)
    if target.engine == "postgresql" and "dbname" not in target.parts and "service" not in target.parts:
        target = Target({**target.parts, "dbname": database})
    times = [_time(name, options, {**file, **env}, found) for name in _TIMES]
    return Settings(
        project=found.folder,
        target=target,
        environment=options.env,
        migrations_dir=_folder("migrations-dir", options.migrations_dir, found, cwd),
        backups_dir=_folder("backups-dir", options.backups_dir, found, cwd),
        seeds_dir=_folder("seeds-dir", options.seeds_dir, found, cwd),
        database=database,
        test_database=_test_database(database, found),
        extensions=found.texts("extensions") or Setting(()),
        drift_ignore=(found.texts("drift-ignore") or Setting(())).value,
        tracking_table=_tracking_table(options, found),
        server=values.server(_option("server", options.server) or found.text("server") or Setting("auto")),
        confirm=_confirm(options, environ),
        lock_timeout=times[0],
        statement_timeout=times[1],
        deadline=times[2],
        backup_before_migrate=_backup_before_migrate(found),
        require_rehearsal=bool(found.table.get(project.REHEARSAL, False)),
        migration_format=_option("format", options.migration_format)
        or found.text("format")
        or Setting("auto"),
        variables=_variables(options.variables or ()),
        hooks=found.table.get(project.HOOKS, {}),
        environ=dict(environ),
        checks=checks.read(found.table[project.CHECKS]) if project.CHECKS in found.table else (),
        schema_file=_schema_file(found),
        analyze_after=_analyze_after(options, found),
        terminate_after=_terminate_after(options, times[2].value),
        warnings=source.warnings,
        alembic=alembic,
    )


def _check_options(options: Options) -> None:
    if options.env is not None and options.database_url is not None:
        raise UsageError("--env and --database-url both name the target", hint="give one of the two")
    if options.env is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", options.env):
        raise UsageError(
            f"--env {options.env!r} is not the name of an environment",
            hint="letters, digits, _ and -, for instance --env staging",
        )
    for name in ("database_url", "migrations_dir", "backups_dir", "seeds_dir", "tracking_table", "server"):
        if getattr(options, name) == "":
            given = options.url_option if name == "database_url" and options.url_option else name
            raise UsageError(f"--{given.replace('_', '-')} is empty", hint="give it a value, or leave it out")


def _option(name: str, value: str | None) -> Setting[str] | None:
    if value is None:
        return None
    require_utf8(value, f"option --{name}")
    return Setting(value, f"option --{name}")


def _url_variable(environment: str) -> str:
    return f"{environment.upper().replace('-', '_')}_DATABASE_URL"


def _environment_source(name: str, env: Variables, file: Variables, found: Project) -> Source:
    """The target that `--env` names: one variable, and nothing else."""
    variable = _url_variable(name)
    setting = env.get(variable) or file.get(variable)
    if setting is None:
        path = found.folder / ".env"
        raise ConfigError(
            f"--env {name} needs the variable {variable}, and neither the environment nor {path} has it",
            hint=f"export {variable}=postgresql://USER:PASSWORD@HOST:5432/DATABASE, or add it to {path}",
        )
    return sources.from_url(setting)


def _merged(options: Options, env: Variables, file: Variables, found: Project) -> Source:
    option = _option(options.url_option or "database-url", options.database_url)
    return sources.merge(
        (
            sources.from_url(option) if option else Source(),
            sources.from_variables(env),
            sources.from_variables(file, files=True),
            sources.from_project(found.text("database-url"), found.text("database")),
        )
    )


def _with_alembic(source: Source, alembic: Alembic | None) -> Source:
    """The weakest source: alembic.ini says which database where nothing else says which server."""
    given = alembic_project.url(alembic)
    if given is None or SQLITE_FILE in source.parts or Target(source.parts).names_server:
        return source
    weakest = sources.from_url(given)
    return source if source.parts and SQLITE_FILE in weakest.parts else sources.merge((source, weakest))


def _file_target(source: Source, env: Variables, file: Variables, found: Project, cwd: Path) -> Target:
    """The target; a SQLite file's path is counted from the project folder, or from here where an option gave it.

    SQLITE_DB_PATH is what counts where nothing names another database (`--env` is such a name).
    """
    target = Target(source.parts)
    setting = source.parts.get(SQLITE_FILE)
    database = project.place("database")  # a name for what is made, and no choice of a server
    if not source.has_url and all(part.origin == database for part in source.parts.values()):
        setting = env.get(DB_PATH) or file.get(DB_PATH)
    if setting is None:
        return target
    from dbops.config.sqlite_url import file_at

    base = cwd if setting.origin.startswith("option ") else found.folder
    return Target({SQLITE_FILE: Setting(str(base / file_at(setting).value), setting.origin)})


def _database(target: Target, found: Project) -> Setting[str]:
    """The target's database; for a service file's, which is not known here, the project's."""
    if target.engine == "sqlite":
        return Setting(target.path.stem, target.parts[SQLITE_FILE].origin)
    return target.parts.get("dbname") or found.text("database") or Setting(DEFAULT_DATABASE)


def _test_database(database: Setting[str], found: Project) -> Setting[str]:
    """The twin's name: as configured, unless it is the database itself; else the database's and `_test`."""
    given = found.text("test-database")
    if given and values.part("dbname", given).value != database.value:
        return given
    if given and database.origin == project.place("database"):
        raise ConfigError(
            f"{given.origin} and {database.origin} name the same database",
            hint="give test-database a name of its own, or leave it out",
        )
    return Setting(_twin(database.value), database.origin)


def _twin(name: str) -> str:
    """`name` and `_test`; of a name that would become too long, the end is cut off."""
    cut = name.encode()[: values.NAME_BYTES - len("_test")].decode(errors="ignore")
    # A name of full length that ends in _test would be its own twin.
    return f"{cut}_test" if f"{cut}_test" != name else f"{cut[:-1]}_test"


def _folder(key: str, given_by_option: str | None, found: Project, cwd: Path) -> Setting[Path]:
    if option := _option(key, given_by_option):
        return Setting(cwd / option.value, option.origin)
    given = found.text(key) or Setting(_FOLDERS[key])
    return Setting(found.folder / given.value, given.origin)


def _schema_file(found: Project) -> Setting[Path | None]:
    given = found.text("schema-file")
    return Setting(found.folder / given.value, given.origin) if given else Setting(None)


def _analyze_after(options: Options, found: Project) -> Setting[str]:
    given = _option("analyze-after", options.analyze_after) or found.text("analyze-after")
    return values.analyze_after(given) if given else Setting("analyze")


def _terminate_after(options: Options, deadline: float) -> Setting[float | None]:
    """From the command line alone: ending the sessions of others is not for a file that is forgotten."""
    given = _option("terminate-blockers", options.terminate_after)
    if given is None:
        return Setting(None)
    return Setting(values.terminate_after(given.value, given.origin, deadline), given.origin)


def _variables(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError("--var takes NAME=VALUE", hint="for instance --var owner=app; NAME= is empty")
        require_utf8(value, f"option --var {name}")
        found[name] = value
    return found


def _tracking_table(options: Options, found: Project) -> Setting[str | None]:
    given = _option("tracking-table", options.tracking_table) or found.text("tracking-table")
    if given is None:
        return Setting(None)
    checked = values.tracking_table(given)
    return Setting(checked.value, checked.origin)


def _confirm(options: Options, environ: Mapping[str, str]) -> Setting[str | None]:
    if options.confirm is not None:
        return Setting(options.confirm, "option --confirm")
    variable = from_environment(environ, ("DBOPS_CONFIRM",)).get("DBOPS_CONFIRM")
    return Setting(variable.value, variable.origin) if variable else Setting(None)


def _backup_before_migrate(found: Project) -> Setting[float | None]:
    given = found.table.get(project.BACKUP, False)
    if isinstance(given, bool):
        return Setting(0.0 if given else None, project.place(project.BACKUP) if given else DEFAULT)
    origin = project.place(project.BACKUP)
    return Setting(values.seconds(str(given), origin, off=True), origin)


def _time(variable: str, options: Options, variables: Variables, found: Project) -> Setting[float]:
    """One of the times, in seconds, by the name of its variable."""
    key = variable.removeprefix("DBOPS_").lower()
    name = key.replace("_", "-")
    defaults = {"lock-timeout": "5", "statement-timeout": "0", "deadline": "60"}
    given = _option(name, getattr(options, key)) or variables.get(variable) or found.text(name)
    given = given or Setting(defaults[name], DEFAULT)
    return Setting(values.seconds(given.value, given.origin, off=name != "deadline"), given.origin)
