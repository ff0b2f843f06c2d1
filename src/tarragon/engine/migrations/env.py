"""How Alembic reaches the store: on the connection and in the transaction it is handed."""

from alembic import context

from tarragon.engine.schema import metadata


def run() -> None:
    """Run the versions that Alembic has chosen."""
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
    )
    context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic runs this file; anybody else only imports it
    run()
