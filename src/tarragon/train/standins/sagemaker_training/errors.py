"""The toolkit's errors."""


class _Error(Exception):
    """Base of the family: a message, and the exit code it ends a container with."""

    def __init__(self, message: str = "", return_code: int = 1, output: str = "") -> None:
        super().__init__(message)
        self.message, self.return_code, self.output = message, return_code, output


class ClientError(_Error):
    """What the user gave cannot be used."""


class UserError(_Error):
    """What the user's code did."""


class ExecuteUserScriptError(UserError):
    """A script ended with a status other than 0."""


class InstallModuleError(UserError):
    """A module or its requirements could not be installed."""


class InstallRequirementsError(UserError):
    """Requirements could not be installed."""


class ImportModuleError(UserError):
    """A module could not be imported."""


class FrameworkError(_Error):
    """The framework's own code failed."""
