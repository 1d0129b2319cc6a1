"""Where computations run: devices, memory, processes, machines."""
