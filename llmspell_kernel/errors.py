"""What people are meant to read. Anything that is not a UserError is a bug of ours."""


class UserError(Exception):
    """Its text is shown as it is: what is wrong and what to do."""
