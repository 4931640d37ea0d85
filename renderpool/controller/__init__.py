"""The size of the render pool follows the sessions: the only client of Kubernetes.

``decide``   what is to be done, a pure function
``kube``     what is read from and written to the Kubernetes API, and the Lease
``control``  what is asked of the control node
``rounds``   one look and what follows from it
``main``     the process: interval, signals, health
"""
