"""What the build made, as those will get it who install it or build it again: in a rehearsal alone.

Installing and importing runs the code of the project and of what it needs. In the job whose files are signed that
would be a second build, with another's code; so it is done here.
"""
