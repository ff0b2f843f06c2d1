"""Where tasks run: in this process, or in processes of their own on this machine."""
