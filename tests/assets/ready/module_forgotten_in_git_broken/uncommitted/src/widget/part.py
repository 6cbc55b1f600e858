TURNS = True
