raise ModuleNotFoundError("No module named 'pytest'", name="pytest")
